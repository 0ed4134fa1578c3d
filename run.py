#!/usr/bin/env python3
"""Train, evaluate and show lifters: the reference's command, flag for flag.

    python run.py -k cpn_ft_h36m_dbb -arc 3,3,3,3,3 --evaluate pretrained_h36m_cpn.bin

A thin shell of pipeline/commands/reference_command.py; its flags are in
pipeline/flags/reference_flags.py. `poselift train` and `poselift evaluate` do the same.
"""

from __future__ import annotations

import sys

from poselift.data.process import begin

if __name__ == "__main__":
    begin("run.py")

from poselift.pipeline.commands.reference_command import main

if __name__ == "__main__":
    sys.exit(main())
