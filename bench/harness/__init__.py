"""What every measurement needs: a deployed site in a temporary folder, its processes, people and figures.

with Site({"web": 1, "worker": 2, "clock": 1}, OPENAI_API_KEY="any", OPENAI_BASE_URL=stub.url) as site:
    alice = site.sign_in("alice")
    alice.get("/documents/")
    print(site.cpu_seconds("web"))
"""

from bench.harness.person import Person, Reply
from bench.harness.site import Site

__all__ = ["Person", "Reply", "Site"]
