"""Streamlit glue: what stands between the pages and the engine. The only room that imports streamlit."""
