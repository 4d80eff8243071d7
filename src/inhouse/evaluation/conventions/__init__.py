"""The conventions of a repository: mined from its tree, said in sentences, and looked for in new code."""

from inhouse.evaluation.conventions.profile import Convention, Profile, Verdict, profile

__all__ = ["Convention", "Profile", "Verdict", "profile"]
