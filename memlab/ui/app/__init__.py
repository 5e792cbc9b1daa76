"""The frame around every page: server, session, navigation, the control bar, addresses and links."""
