package server

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// holder finds the process that listens on the port of addr, as far as the system lets this user see: another user's
// processes stay nameless.
func holder(addr string) (pid int, command string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, ""
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0, ""
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listening(table, n, sockets)
	}
	if len(sockets) == 0 {
		return 0, ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || !sockets[to] {
			continue
		}
		id := strings.Split(link, "/")[2]
		pid, _ = strconv.Atoi(id)
		raw, _ := os.ReadFile("/proc/" + id + "/comm")
		return pid, cleanTag(string(bytes.TrimSpace(raw)))
	}
	return 0, ""
}

// listening adds the sockets of a kernel table that listen on port, as the links in /proc/PID/fd name them.
func listening(table string, port int, sockets map[string]bool) {
	const stateListen = "0A"
	raw, err := os.ReadFile(table)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != stateListen {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); err == nil && int(p) == port {
			sockets["socket:["+f[9]+"]"] = true
		}
	}
}
