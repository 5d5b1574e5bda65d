"""An application with a job that is due each second and one that takes long, for tests of processes."""
