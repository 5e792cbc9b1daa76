"""The pages Edit memory and History: forms, preview and effects of edits, finding sources, undo."""
