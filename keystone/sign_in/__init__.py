"""Sign in through the API and in browsers: the password, then the second factor."""
