"""The forecast widget: pick a coin and a network, watch it learn, judge it, ask for the next days.

``controller`` holds states and rules and knows no screen; ``engine`` trains in a process of its own; ``view`` draws.
"""
