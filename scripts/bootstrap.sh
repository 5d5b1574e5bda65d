# Sourced by the other scripts: goes to the repository's folder, gets uv where it is missing, and brings the virtual
# environment to what uv.lock says. Afterwards $python is the environment's interpreter.
# Works in bash 3.2, which macOS ships. No index or mirror is named here: uv and pip use what the machine says.

stop() {
    printf '%s\n' "$*" >&2
    exit 1
}

cd "$(dirname "${BASH_SOURCE[0]}")/.." || stop "The folder of the repository is gone."
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH # of another project, as an editor's terminal may have it
environment=${UV_PROJECT_ENVIRONMENT:-.venv}
python=$environment/bin/python
wanted=$(cat .python-version)

# A uv that runs and is new enough to read the lock. The shims of pyenv and the like exist even where they only fail.
usable_uv() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv }
    version=${version%% *}
    case $version in
    0.[0-7].* | "" | [!0-9]*) return 1 ;;
    esac
}

# A Python that makes a virtual environment with pip. It is asked from /, because .python-version in this folder may
# name a version that the machine's shims do not have.
python_for_uv() {
    local name
    for name in python3 python3.13 python3.12 python3.14 python3.11 python3.10 python; do
        if (cd / && "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 8))') >/dev/null 2>&1; then
            (cd / && "$name" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    return 1
}

find_uv() {
    local candidate found
    for candidate in uv .uv/bin/uv "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
        if usable_uv "$candidate"; then
            uv=$candidate
            return
        fi
    done
    found=$(python_for_uv) || {
        command -v python3 >/dev/null || stop "There is no python3. Install Python 3.12 or newer, with venv and pip."
        stop "python3 cannot make a virtual environment. Install its venv module (Debian and Ubuntu: apt install python3-venv)."
    }
    echo "Getting uv, into .uv/ (once) ..."
    "$found" -m venv --clear .uv || stop "python3 -m venv failed, see above."
    .uv/bin/python -m pip install -qq --disable-pip-version-check uv ||
        stop "pip could not install uv. Is there a network? See https://docs.astral.sh/uv/ for other ways to get it."
    uv=.uv/bin/uv
}

# The version of .python-version if uv has it, else any that Keystone runs on. Nothing is asked of the network, unless
# the machine has none at all: then uv downloads one.
choose_python() {
    UV_PYTHON=$("$uv" python find --system --no-python-downloads "$wanted" 2>/dev/null) ||
        UV_PYTHON=$("$uv" python find --system --no-python-downloads '>=3.12' 2>/dev/null) ||
        UV_PYTHON=$wanted
    export UV_PYTHON
}

bootstrap() {
    local owner said
    for owner in "$environment" .uv; do
        if [ -e "$owner" ] && [ ! -O "$owner" ]; then
            stop "$owner belongs to another user ($(ls -ld "$owner" | awk '{print $3}')). Remove it, or run this as that user."
        fi
    done
    [ -w . ] || [ -x "$python" ] || stop "$PWD cannot be written to by $(id -un). Clone the repository as this user."
    find_uv
    # What is there already is kept while it serves: a second start asks neither for a Python nor for the network.
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        export UV_PYTHON=$python
    else
        choose_python
        echo "Installing the dependencies (once) ..."
    fi
    if ! said=$("$uv" sync --locked --all-extras --quiet 2>&1); then
        case $said in
        *"No interpreter found"* | *"Python download"* | *"python-build-standalone"* | *"incompatible with the project"*)
            stop "There is no Python 3.12 or newer, and uv could not fetch one. Install Python $wanted." ;;
        *"needs to be updated"*) stop "uv.lock does not match pyproject.toml. Run: uv lock" ;;
        *) stop "uv sync failed: $said" ;;
        esac
    fi
}
