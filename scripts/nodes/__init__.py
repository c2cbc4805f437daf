"""The models of several nodes, changed by one command over their management APIs: everywhere or nowhere."""
