"""
Runs "pulumi up" twice, or "pulumi destroy", of the Python program in a folder: run_program.py up|destroy FOLDER STACK

Pulumi's language host for Python comes with the CLI's releases alone. The SDK's Automation API has the same in Python, for
programs that are functions.
"""

import json
import runpy
import sys
from pathlib import Path

from pulumi import automation

verb, folder, stack_name = sys.argv[1:]


def program() -> None:
    runpy.run_path(str(Path(folder) / "__main__.py"), run_name="__main__")


options = automation.LocalWorkspaceOptions(work_dir=folder)
stack = automation.select_stack(stack_name, project_name="daily-python", program=program, opts=options)
if verb == "up":
    outputs = stack.up().outputs
    changes = stack.up().summary.resource_changes
    print(json.dumps({"outputs": {name: output.value for name, output in outputs.items()}, "changes": changes}))
else:
    stack.destroy(exclude_protected=True)
