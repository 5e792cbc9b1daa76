"""A class in the room: `memlab serve --share`. Guests guess on their phones; the lecturer sees what they guess.

A tool for one lecture in one room, without user accounts. What is protected, and by what:

- `gate` stands in front of the server: without the lecturer's or a guest's cookie nothing is answered, not even a web
  socket.
- `passes` gives out the cookies: tokens, seats, limits.
- `roles` says for which of the two a page is drawn; guests get one page and a read-only engine.
- `rounds` holds the guesses of the question that is presented, in memory only.

The connection is plain HTTP: anyone who can listen on the network can read everything and take a guest's place.
"""
