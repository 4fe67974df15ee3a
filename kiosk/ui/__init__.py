"""The screens: Textual, on top of the desk's verbs and nothing else."""
