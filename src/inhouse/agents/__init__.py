"""What agents and editors call: tools over the index and the history, and the server that offers them (MCP).

answers     the typed answers, and their text
index_view  an index that others may rebuild or delete while it is read
desk        the tools' work: one method each
tools       their names, descriptions and arguments
server      the Model Context Protocol, on standard input and output
"""
