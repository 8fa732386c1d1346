"""The service: train, predict and follow over HTTP and Socket.IO (thesis chapters 5 and 7)."""
