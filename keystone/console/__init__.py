"""What all commands share: prompts, output, errors."""
