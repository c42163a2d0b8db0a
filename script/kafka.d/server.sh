# What scripts that run a server share; sourced by them. DIR holds log, and pid while the server runs.
#
# A script that calls launch or attend has set $server, what it runs in a word, and defines
#   start DIR [MODE]  a new server; prints its address
#   serves DIR SEEN   whether the server answers; what DIR/log holds before byte SEEN is of an earlier run

fail() {
  echo "script/${0##*/}: $*" >&2
  exit 1
}

release() { # COMMAND: the Java release of java or javac, 0 when there is none
  local version
  version=$("$1" --version 2>/dev/null | sed -n '1s/^[a-z]* \([0-9]*\).*/\1/p') || true
  echo "${version:-0}"
}

running() { # DIR; a zombie is dead as soon as it has no other thread
  [ -s "$1/pid" ] || return 1
  local stat threads
  stat=$(cat "/proc/$(<"$1/pid")/stat" 2>/dev/null) || return 1
  threads=("/proc/$(<"$1/pid")/task/"*)
  [[ $stat != *') Z '* ]] || ((${#threads[@]} > 1))
}

idle() { # DIR; fails when a server is running there
  ! running "$1" || fail "a $server is running in $1"
}

# Free ports below the ephemeral range, where no client's socket can take them while the server is down.
ports() { # COUNT
  python3 - "$1" <<'PYTHON'
import random, socket, sys
held = []
while len(held) < int(sys.argv[1]):
    try:
        held.append(socket.create_server(("127.0.0.1", random.randrange(15000, 32000))))
    except OSError:
        pass
print(*(s.getsockname()[1] for s in held))
PYTHON
}

launch() { # DIR COMMAND...: starts the process and waits until it serves
  local dir=$1 seen=0 deadline=$((SECONDS + 60))
  idle "$dir"
  [ ! -f "$dir/log" ] || seen=$(wc -c <"$dir/log")
  nohup "${@:2}" </dev/null >>"$dir/log" 2>&1 &
  echo $! >"$dir/pid"
  disown # so that the shell prints nothing when it ends
  until serves "$dir" "$seen"; do
    running "$dir" || { tail -n 5 "$dir/log" >&2; fail "the $server in $dir has ended, see its log"; }
    ((SECONDS < deadline)) || fail "the $server in $dir does not serve after 60 s, see its log"
    sleep 0.05
  done
}

end() { # SIGNAL DIR, with the nodes of a cluster
  local tries=0 node
  for node in "$2"/[0-9]; do
    [ ! -d "$node" ] || end "$1" "$node"
  done
  running "$2" || { rm -f "$2/pid"; return 0; }
  kill "-$1" "$(<"$2/pid")" 2>/dev/null || true
  while running "$2"; do
    ((++tries < 250)) || kill -KILL "$(<"$2/pid")" 2>/dev/null || true
    sleep 0.02
  done
  rm -f "$2/pid"
}

attend() { # DIR [MODE]
  # What ends the tests ends their pipes, and that is what counts here; also while the server is still starting.
  trap '' INT TERM HUP PIPE
  # Not "$1": when the trap runs, that is the script's own first word again.
  attended=$1
  trap 'end KILL "$attended"; rm -rf "${attended:?}"' EXIT
  start "$@"
  cat >/dev/null
}

usage() { # COMMAND: the comment at the head of the script
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
  [ "$1" = help ] || exit 2
}
