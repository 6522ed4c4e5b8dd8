#!/bin/sh
# Creates the virtual environment .venv, if there is none, and installs a file of hashed pins into it:
#   envs/install.sh envs/requirements.txt
# PYTHON sets the interpreter; otherwise, the newest supported one is searched for by its usual names and among pyenv's
# versions, and if there is none, uv downloads one.
# TORCH=cpu or TORCH=cuda sets the build of torch. Otherwise, it is CUDA's if there is an NVIDIA GPU or Slurm, whose nodes
# may have one, and the CPU's elsewhere, if the package index offers it.
set -eu
requirements=$1
pythons="3.13 3.12 3.11" # newest first; pyproject.toml lists the same

say() {
    echo "$*" >&2
}

version_of() { # command
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

fits() { # command: is it a supported Python with the modules that a virtual environment needs?
    version=$("$1" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
    case " $pythons " in *" $version "*) ;; *) return 1 ;; esac
}

candidates() { # prints a line for each possible location of a Python
    [ -z "${PYTHON:-}" ] || echo "$PYTHON"
    for version in $pythons; do
        echo "python$version"
        ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null || true
    done
    echo python3
    echo python
}

find_python() { # prints the first that fits
    candidates | while IFS= read -r candidate; do
        if fits "$candidate"; then
            echo "$candidate"
            break
        fi
    done
}

found_pythons() { # prints the existing ones, for the message
    candidates | while IFS= read -r candidate; do
        version=$(version_of "$candidate")
        [ -z "$version" ] || echo "  $candidate is Python $version"
    done
}

find_uv() { # prints the command, which is installed in the folder $1 if necessary and if any Python has pip
    if command -v uv; then return; fi
    for candidate in python3 python; do
        if "$candidate" -m pip install --quiet --disable-pip-version-check --target "$1" uv >/dev/null 2>&1; then
            echo "$1/bin/uv"
            return
        fi
    done
    return 1
}

fetch_python() { # creates .venv with a Python that uv downloads
    newest=${pythons%% *}
    scratch=$(mktemp -d)
    say "no Python of $pythons was found; downloading $newest with uv"
    if uv=$(find_uv "$scratch") && "$uv" venv --quiet --seed --python "$newest" .venv; then
        rm -rf "$scratch"
        return
    fi
    rm -rf "$scratch" .venv
    say "One of Python $pythons, with its venv module, is needed; none was found, and uv could not download one.
Found:
$(found_pythons | grep . || echo "  no Python at all")
Install one, for example by one of
  sudo apt-get install python3 python3-venv
  pyenv install $newest
  conda create --name python python=$newest
and run again. If it has another name or location: make PYTHON=/path/to/python run"
    return 1
}

make_environment() {
    python=$(find_python)
    if [ -z "$python" ]; then
        fetch_python
    else
        say "creating .venv with $python ($(version_of "$python"))"
        "$python" -m venv .venv
    fi
}

# One line on a terminal; elsewhere, one line for every twentieth package.
show_progress() { # number of packages
    awk -v total="$1" -v terminal="$([ -t 2 ] && echo 1 || echo 0)" '
        function shown(text) {
            if (terminal) printf "\r\033[K  %s", text > "/dev/stderr"
            else print "  " text > "/dev/stderr"
        }
        /^(Collecting|Processing) / {
            done += 1
            name = $2  # name==version, or the path of a wheel; a line must not wrap, or it cannot be replaced
            sub(/.*\//, "", name)
            if (terminal || done % 20 == 0) shown(done " of " total ": " substr(name, 1, 50))
        }
        /^Installing collected packages/ { shown("unpacking " done " packages") }
        /^(ERROR|error)/ { if (terminal) print "" > "/dev/stderr"; print > "/dev/stderr" }
        END { if (terminal && done) printf "\r\033[K" > "/dev/stderr" }'
}

# pip does not resolve dependencies: every package is in the file, with its hashes.
install() { # file of pins
    packages=$(grep -c '==' "$1")
    say "installing $1 in .venv (up to $packages packages)"
    begun=$(date +%s)
    status=$(mktemp)
    { .venv/bin/python -m pip install --no-deps --require-hashes --disable-pip-version-check --requirement "$1" 2>&1 ||
        echo $? >"$status"; } | tee .venv/install.log | show_progress "$packages"
    failed=$(cat "$status")
    rm -f "$status"
    if [ -n "$failed" ]; then return 1; fi
    say "installed $1 in $(($(date +%s) - begun)) s; .venv takes $(du -sh .venv | cut -f 1)"
}

has_gpu() {
    [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null 2>&1
}

build_of_torch() {
    if [ -n "${TORCH:-}" ]; then
        echo "$TORCH"
    elif has_gpu || command -v sbatch >/dev/null 2>&1; then
        echo cuda
    else
        echo cpu
    fi
}

index_has_cpu_build() { # version
    [ "$(uname -s)" = Darwin ] || .venv/bin/python -m pip index versions torch 2>/dev/null | grep -qF "$1+cpu"
}

# An installed build is kept, unless another one is requested.
install_torch() {
    pinned=$(sed -n 's/^torch===\([^ ]*\).*/\1/p' envs/torch-cuda.txt)
    installed=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true)
    if [ -z "${TORCH:-}" ]; then
        case $installed in "$pinned" | "$pinned"+*) return ;; esac
    fi
    build=$(build_of_torch)
    case $build in
    cuda) install envs/torch-cuda.txt ;;
    cpu)
        if index_has_cpu_build "$pinned"; then
            install envs/torch-cpu.txt
        elif [ "${TORCH:-}" = cpu ]; then
            say "TORCH=cpu: this package index offers no CPU build of torch $pinned for this Python. Set
PIP_EXTRA_INDEX_URL to one that does, such as PyTorch's own, or leave TORCH=cpu out."
            return 1
        else
            say "this package index offers no CPU build of torch: installing CUDA's, which is 3 GB larger and works without a GPU"
            install envs/torch-cuda.txt
        fi
        ;;
    *)
        say "TORCH: found $build, expected cpu or cuda"
        return 1
        ;;
    esac
}

write_command() { # writes `ilora`, which uses the modules in this folder. Jobs use those in the folder of their workflow.
    cat >.venv/bin/ilora <<COMMAND
#!$(pwd)/.venv/bin/python
import sys

sys.path.insert(0, "$(pwd)/workflow_scripts")

from ilora.cli import main

sys.exit(main())
COMMAND
    chmod +x .venv/bin/ilora
}

if [ ! -x .venv/bin/python ]; then
    make_environment
elif ! fits .venv/bin/python; then
    say "The folder .venv contains Python $(version_of .venv/bin/python), but one of $pythons is needed."
    say "Remove .venv and run again."
    exit 1
fi
install "$requirements"
case $requirements in */requirements.txt) install_torch ;; esac
write_command
