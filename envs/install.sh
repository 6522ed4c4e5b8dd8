#!/bin/sh
# Makes the virtual environment .venv, if there is none, and installs a file of pinned requirements in it:
#   envs/install.sh envs/requirements.txt
# Python 3.11 is looked for as $PYTHON, then by its usual names, then among pyenv's versions.
set -eu
requirements=$1

version_of() { # command
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

fits() { # command: is it Python 3.11, with what a virtual environment takes?
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null
}

find_python() { # prints the first that fits; otherwise says what was found and what to do
    found=
    for candidate in ${PYTHON:-} python3.11 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11*/bin/python; do
        version=$(version_of "$candidate")
        if fits "$candidate"; then
            echo "$candidate"
            return
        fi
        [ -z "$version" ] || found="$found  $candidate is Python $version
"
    done
    cat >&2 <<MESSAGE
Python 3.11 with its venv module is needed (RecBole's dependencies have no later one), and none was found.
Found:
${found:-  no Python at all
}
Install it, for example with one of
  sudo apt-get install python3.11 python3.11-venv
  pyenv install 3.11
  conda create --name python311 python=3.11
and run again; where it has another name or place: make PYTHON=/path/to/python3.11 run
MESSAGE
    return 1
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    echo "making .venv with $python ($(version_of "$python"))"
    "$python" -m venv .venv
elif ! fits .venv/bin/python; then
    echo "The folder .venv holds Python $(version_of .venv/bin/python), but 3.11 is needed." >&2
    echo "Remove .venv and run again." >&2
    exit 1
fi

echo "installing $requirements in .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
# The command `ilora`, of this folder's own modules. The library itself is not installed: jobs take it from the folder
# of the workflow that they belong to, behind whatever is installed.
cat > .venv/bin/ilora <<COMMAND
#!$(pwd)/.venv/bin/python
import sys

sys.path.insert(0, "$(pwd)/workflow_scripts")

from ilora.cli import main

sys.exit(main())
COMMAND
chmod +x .venv/bin/ilora
