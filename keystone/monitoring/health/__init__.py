"""Whether this process can do its work, as orchestrators ask: live, and ready with a result for each part."""
