"""The nouns that stages share; nothing here knows a stage."""
