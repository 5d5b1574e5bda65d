"""What is held about a person: giving it to them, and erasing it. Each app says what is its own part."""
