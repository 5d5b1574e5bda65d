"""Who acts: a person, an administrator, a command, a job; and judging them once more when they do."""
