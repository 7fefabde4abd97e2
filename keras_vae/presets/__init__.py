"""Models as folders: reading and writing them, looking them up, cards, the zoo's tools."""
