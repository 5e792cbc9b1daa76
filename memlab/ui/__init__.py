"""Streamlit glue between the pages and the engine. The only package that imports streamlit.

`app` holds what every page has. `ask` (with `mixture`, `explanations` and `fix`), `batch`, `read`, `generate`, `edit`,
`library`, `present` and `classroom` hold the parts of those pages; `system_page` makes the page of a system from its
declaration, and `systems` holds what single systems add to theirs. The modules beside them are shared by several pages.
"""
