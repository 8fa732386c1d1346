"""The published pages: documents, executed notebooks, results, ledger and API as one folder that needs no server.

``build`` writes it from the repository's documents and a run's folder, ``ledger`` and ``api`` write the pages that are
made from data and from docstrings, ``check`` reads the finished folder: links, other hosts, prices.
"""
