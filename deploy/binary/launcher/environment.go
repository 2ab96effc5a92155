package main

import (
	"os"
	"path/filepath"
	"strings"
)

// environment is that of the caller, without what leads the interpreter to other modules than its own.
func environment(inherited []string, tree string) []string {
	var kept []string
	given := map[string]bool{}
	for _, entry := range inherited {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case "PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONNOUSERSITE":
		default:
			kept = append(kept, entry)
			given[name] = value != ""
		}
	}
	kept = append(kept, "PYTHONNOUSERSITE=1")
	if !given["SSL_CERT_FILE"] && !given["SSL_CERT_DIR"] {
		kept = append(kept, "SSL_CERT_FILE="+authorities(tree))
	}
	return kept
}

// authorities is the file of those that this machine trusts: the OpenSSL in the tree looks for it where
// the machine had it that it was built on. Where there is none, that of certifi.
func authorities(tree string) string {
	for _, path := range []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL, Amazon Linux
		"/etc/ssl/ca-bundle.pem",             // SUSE
		"/etc/ssl/cert.pem",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	found, _ := filepath.Glob(filepath.Join(tree, "lib", "python*", "site-packages", "certifi", "cacert.pem"))
	return append(found, "")[0]
}
