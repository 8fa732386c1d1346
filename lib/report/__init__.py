"""What people see of a run: a page for each executed notebook, and the page that leads to all of it."""
