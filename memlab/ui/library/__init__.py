"""The pages Memories, Models and Workspaces."""
