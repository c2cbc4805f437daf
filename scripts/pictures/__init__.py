"""Pictures that are made once and committed: the page's sample faces, the dashboard's drawing."""
