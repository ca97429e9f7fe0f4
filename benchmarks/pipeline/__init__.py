"""From the queue to committed rows: the product beside what a user would write."""
