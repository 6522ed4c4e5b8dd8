#!/bin/sh
# Makes the virtual environment .venv, if there is none, and installs a file of hashed pins in it:
#   envs/install.sh envs/requirements.txt
# PYTHON names the interpreter; otherwise the newest that fits is looked for by its usual names, then among pyenv's
# versions, and where none is found, uv fetches one.
# TORCH=cpu or TORCH=cuda names the build of torch. Otherwise it is CUDA's where there is an NVIDIA GPU or Slurm, whose
# nodes may have one; anywhere else it is the CPU's, as far as the index of packages offers it.
set -eu
requirements=$1
pythons="3.13 3.12 3.11" # newest first; pyproject.toml lists the same

say() {
    echo "$*" >&2
}

version_of() { # command
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

fits() { # command: is it a Python of the list, with what a virtual environment takes?
    version=$("$1" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || return 1
    case " $pythons " in *" $version "*) ;; *) return 1 ;; esac
}

candidates() { # prints a line for each place where a Python may be
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

found_pythons() { # prints what is there, for the message
    candidates | while IFS= read -r candidate; do
        version=$(version_of "$candidate")
        [ -z "$version" ] || echo "  $candidate is Python $version"
    done
}

find_uv() { # prints the command, installed in the folder $1 if any Python has pip
    if command -v uv; then return; fi
    for candidate in python3 python; do
        if "$candidate" -m pip install --quiet --disable-pip-version-check --target "$1" uv >/dev/null 2>&1; then
            echo "$1/bin/uv"
            return
        fi
    done
    return 1
}

fetch_python() { # makes .venv with a Python that uv fetches
    newest=${pythons%% *}
    scratch=$(mktemp -d)
    say "no Python of $pythons was found; fetching $newest with uv"
    if uv=$(find_uv "$scratch") && "$uv" venv --quiet --seed --python "$newest" .venv; then
        rm -rf "$scratch"
        return
    fi
    rm -rf "$scratch" .venv
    say "A Python of $pythons, with its venv module, is needed; none was found, and uv could not fetch one.
Found:
$(found_pythons | grep . || echo "  no Python at all")
Install one, for example with one of
  sudo apt-get install python3 python3-venv
  pyenv install $newest
  conda create --name python python=$newest
and run again; where it has another name or place: make PYTHON=/path/to/python run"
    return 1
}

make_environment() {
    python=$(find_python)
    if [ -z "$python" ]; then
        fetch_python
    else
        say "making .venv with $python ($(version_of "$python"))"
        "$python" -m venv .venv
    fi
}

# One line on a terminal, one for each twentieth package elsewhere.
show_progress() { # number of packages
    awk -v total="$1" -v terminal="$([ -t 2 ] && echo 1 || echo 0)" '
        function shown(text) {
            if (terminal) printf "\r\033[K  %s", text > "/dev/stderr"
            else print "  " text > "/dev/stderr"
        }
        /^(Collecting|Processing) / {
            done += 1
            if (terminal || done % 20 == 0) shown(done " of " total ": " $2)
        }
        /^Installing collected packages/ { shown("unpacking " done " packages") }
        /^(ERROR|error)/ { if (terminal) print "" > "/dev/stderr"; print > "/dev/stderr" }
        END { if (terminal && done) printf "\r\033[K" > "/dev/stderr" }'
}

# pip resolves nothing: every package is in the file, with its hashes, and what other packages declare is not asked.
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

# A build that is there stays, unless another one is asked for.
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
            say "TORCH=cpu: this index of packages offers no CPU build of torch $pinned for this Python. Name one that
does in PIP_EXTRA_INDEX_URL, such as PyTorch's own, or leave TORCH=cpu out."
            return 1
        else
            say "this index of packages offers no CPU build of torch: taking CUDA's, 3 GB more, which runs without a GPU"
            install envs/torch-cuda.txt
        fi
        ;;
    *)
        say "TORCH: found $build, expected cpu or cuda"
        return 1
        ;;
    esac
}

write_command() { # `ilora`, of this folder's own modules. Jobs take the library from the folder of their workflow.
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
    say "The folder .venv holds Python $(version_of .venv/bin/python), but one of $pythons is needed."
    say "Remove .venv and run again."
    exit 1
fi
install "$requirements"
case $requirements in */requirements.txt) install_torch ;; esac
write_command
