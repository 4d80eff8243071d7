"""What an adapter is good and bad at: every suite, from the tasks to the results, each step an artefact.

    tasks of a suite -> answers (all arms) -> judgements -.     written.py
                 scores of the pipeline and of others  ---+-> results -> gates, card
                                          scored.py               card.py

Suites look at the project through `view.py`; `arms.py` holds who answers and what is put before a file.
Answers and judgements are stages of their own: judging again, when a judge has changed, never generates.
"""

from inhouse.examination.examine import Examination
from inhouse.examination.stages import STAGES

__all__ = ["STAGES", "Examination"]
