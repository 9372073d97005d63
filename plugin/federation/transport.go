package federation

import (
	"fmt"

	"github.com/coredns/coredns/plugin/pkg/parse"
	"github.com/coredns/coredns/plugin/pkg/transport"
)

// checkTransports refuses server blocks that CoreDNS would serve in plain text
// although their keys promise encryption: this build has no plugin tls.
func checkTransports(blocks [][]string) error {
	for _, keys := range blocks {
		for _, key := range keys {
			if scheme, _ := parse.Transport(key); scheme != transport.DNS {
				return fmt.Errorf("server block %s: %s:// is not served encrypted by this build: serve plain DNS (without %[2]s://), and let a TLS proxy such as dnsdist or stunnel stand before it", key, scheme)
			}
		}
	}
	return nil
}
