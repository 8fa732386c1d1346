"""What people click on: the dashboard and its charts."""
