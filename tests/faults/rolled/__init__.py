"""An application that a newer release has, with one migration: processes of that release name it in TEST_APPS."""
