package catalogue

import (
	"bytes"
	"fmt"
	"strings"
)

// Module is the texts of pages as a JavaScript module: what klarna.js says, and what the order's check says about a
// field. A text of klarna.js has its key without the group.
func (c Catalogue) Module() []byte {
	var b bytes.Buffer
	b.WriteString("export default{\n")
	for _, t := range c.Texts {
		switch group, _, _ := strings.Cut(t.Key, "."); group {
		case "rule", "klarna", "button":
			fmt.Fprintf(&b, "%q:%q,\n", strings.TrimPrefix(t.Key, "klarna."), t.Text)
		}
	}
	b.WriteString("}\n")
	return b.Bytes()
}
