"""Streamlit glue between the pages and the engine. The only package that imports streamlit."""
