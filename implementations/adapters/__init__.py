"""Third-party packages behind one door: `start(job)` gives a suite.contract.Loop around the package's own loop.

A package is asked for the job's spec as far as it has the switch; what it does beside that is its own way.
"""
