"""The admin of people: the queue of decisions, the list and the page of a person, groups, the dashboard."""
