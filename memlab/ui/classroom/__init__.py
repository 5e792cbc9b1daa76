"""A class in the room: `memlab serve --share`. Guests guess on their phones; the lecturer sees what they guess.

A tool for the length of a lecture in one room, without user accounts. What is protected, and by what:

- `gate` stands in front of the server: without the lecturer's or a guest's cookie nothing is answered, web socket included.
- `passes` gives out the cookies: tokens, seats, limits.
- `roles` says which of the two a page is drawn for; guests get one page, and an engine that cannot change anything.
- `rounds` holds the guesses of the question that is presented, in memory only.

The connection is plain HTTP: who can listen to the network can read along, and take a guest's place.
"""
