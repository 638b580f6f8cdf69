"""Charts and codes as SVG texts, from plain values: pages put them in, pictures and reports reuse them.

Each element has a class, which a page's style sheet colours, and a light colour of its own for where there is none.
"""
