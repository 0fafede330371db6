# shellcheck shell=bash
# Sourced by the scripts: where Hexcore keeps what is made once and used by every clone.
hexcore_cache() {
    if [ -n "${HEXCORE_CACHE:-}" ]; then
        printf '%s\n' "$HEXCORE_CACHE"
    elif [ -n "${XDG_CACHE_HOME:-}" ]; then
        printf '%s\n' "$XDG_CACHE_HOME/hexcore"
    else
        printf '%s\n' "${HOME:?HOME is not set; set HEXCORE_CACHE}/.cache/hexcore"
    fi
}
