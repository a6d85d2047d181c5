package rules

import (
	"slices"
	"strconv"
	"strings"
)

// product is a line of an order, with the page's own names for its parts.
type product struct {
	id, variant string
	quantity    int
	field       string // that has the id
	quantityOf  string // the field that has the quantity
}

// products checks the lines, of which there may be at most so many, against the ids allowed. A page may name them
// in three ways; when it uses two of them, both have to say the same, since an order that holds more than the page
// showed is as wrong as one that holds less.
func (c *checker) products(allowed []string, most int) {
	all := [3][]product{c.numberedLines(), c.singleLine()}
	if c.edge != nil {
		all[2] = c.edge.lines(c)
	}
	var lines []product
	for _, named := range all {
		named = c.merged(named, allowed)
		switch {
		case len(named) == 0:
		case len(lines) == 0:
			lines = named
		case !sameLines(lines, named):
			c.problem(named[0].field, Conflict, lines[0].field)
		}
	}
	switch {
	case len(lines) > most:
		c.problem(lines[most].field, TooManyLines, strconv.Itoa(most))
	case len(lines) == 0 && !c.problems.ofProducts() && !c.lead && (c.edge != nil || c.in["orderItems"] == ""):
		c.problem("product1_id", Required, "")
	}
	for i, line := range lines {
		n := strconv.Itoa(i + 1)
		c.out["product"+n+"_id"] = line.id
		c.out["product"+n+"_qty"] = strconv.Itoa(line.quantity)
		if line.variant != "" {
			c.out["variant"+n+"_id"] = line.variant
		}
	}
}

// numberedLines are those of productN_id, productN_qty and variantN_id.
func (c *checker) numberedLines() (lines []product) {
	// Pages number lines with gaps. Looking every number up would make a
	// hundred names for one line.
	var there [maxLineNumber + 1]bool
	for name := range c.in {
		if row, n, _ := lookup(name); row != nil && row.name == "product#_id" {
			there[n] = true
		}
	}
	for i := 1; i <= maxLineNumber; i++ {
		if there[i] {
			n := strconv.Itoa(i)
			lines = c.withLine(lines, "product"+n+"_id", "product"+n+"_qty", "variant"+n+"_id")
		}
	}
	return lines
}

// singleLine is productId with productQty. The vendor's older reference names them.
func (c *checker) singleLine() []product {
	if c.get("productId") != "" {
		return c.withLine(nil, "productId", "productQty", "")
	}
	// A quantity without an id belongs to an option that was not chosen, or to a line of another name.
	if quantity := c.get("productQty"); quantity != "" && number(quantity) > 1 {
		c.problem("productId", Required, "")
	}
	return nil
}

// orderItems are the lines of orderItems={"34":2}, and of orderItems[34]=2, which is the same as PHP writes it into
// a form.
func (c *checker) orderItems() (lines []product) {
	var names []string
	for name := range c.in {
		if row, _, _ := lookup(name); row != nil && row.name == "orderItems[#]" {
			names = insert(names, name)
		}
	}
	for _, name := range names {
		id := name[len("orderItems[") : len(name)-1]
		if line, ok := c.withQuantity(product{id: id, field: name, quantityOf: name}, c.get(name)); ok {
			lines = append(lines, line)
		}
	}
	text := c.get("orderItems")
	if text == "" {
		return lines
	}
	items, ok := readItems(text)
	if !ok || len(names) > 0 {
		c.problem("orderItems", NotOneOf, `{"34":2}, with ids and quantities of products`)
		return nil
	}
	for _, item := range items {
		line, ok := c.withQuantity(product{id: item[0], field: "orderItems", quantityOf: "orderItems"}, item[1])
		if !ok {
			return nil
		}
		lines = append(lines, line)
	}
	return lines
}

// readItems reads {"34":2,"35":"1"}: pairs of ids and quantities. An id that comes twice could be read in two ways,
// so it is refused.
func readItems(s string) (items [][2]string, ok bool) {
	s, opened := strings.CutPrefix(s, "{")
	s, closed := strings.CutSuffix(s, "}")
	if !opened || !closed || len(s) > 400 {
		return nil, false
	}
	if strings.TrimSpace(s) == "" {
		return nil, true
	}
	for _, pair := range strings.Split(s, ",") {
		id, quantity, _ := strings.Cut(pair, ":")
		id, quantity = strings.TrimSpace(id), strings.TrimSpace(quantity)
		if len(id) < 3 || id[0] != '"' || id[len(id)-1] != '"' {
			return nil, false
		}
		id = id[1 : len(id)-1]
		if len(quantity) > 2 && quantity[0] == '"' && quantity[len(quantity)-1] == '"' {
			quantity = quantity[1 : len(quantity)-1]
		}
		if !allDigits(id) || !allDigits(quantity) {
			return nil, false
		}
		for _, item := range items {
			if item[0] == id {
				return nil, false
			}
		}
		items = append(items, [2]string{id, quantity})
	}
	return items, true
}

// withLine adds the line of an id, a quantity and a variant, unless the page has no id there: an option that was
// not chosen.
func (c *checker) withLine(lines []product, idField, quantityField, variantField string) []product {
	raw := c.in[idField]
	line := product{id: clean(raw), field: idField, quantityOf: quantityField}
	if line.id == "" && printable(raw) {
		return lines
	}
	if !printable(raw) {
		c.problem(idField, ProductRefused, "")
		return lines
	}
	line, ok := c.withQuantity(line, c.get(quantityField))
	if !ok {
		return lines
	}
	if variantField != "" {
		if line.variant, ok = c.text(variantField, false); ok && !allDigits(line.variant) {
			c.problem(variantField, BadValue, "")
			return lines
		}
	}
	return append(lines, line)
}

// withQuantity gives a line its quantity: one piece when nothing is said.
func (c *checker) withQuantity(line product, typed string) (product, bool) {
	line.quantity = 1
	if typed != "" {
		line.quantity = number(typed)
		if line.quantity < 0 && allDigits(typed) {
			line.quantity = c.shop.cap() + 1 // more digits than any cap has
		}
	}
	if line.quantity < 1 {
		c.problem(line.quantityOf, BadQuantity, "")
		return line, false
	}
	return line, true
}

// merged checks lines by the ids allowed and the cap, and makes one of those of one product and variant.
func (c *checker) merged(named []product, allowed []string) (lines []product) {
	for _, line := range named {
		if !c.anyProduct && !slices.Contains(allowed, line.id) {
			c.problem(line.field, ProductRefused, "")
			continue
		}
		pieces, merged := line.quantity, false
		for i := range lines {
			if lines[i].id != line.id {
				continue
			}
			pieces += lines[i].quantity
			if lines[i].variant == line.variant {
				lines[i].quantity += line.quantity
				merged = true
			}
		}
		if pieces > c.shop.cap() {
			c.problem(line.quantityOf, QuantityCap, strconv.Itoa(c.shop.cap()))
			continue
		}
		if !merged {
			lines = append(lines, line)
		}
	}
	return lines
}

// sameLines says whether two lists hold the same products, variants and quantities.
func sameLines(a, b []product) bool {
	if len(a) != len(b) {
		return false
	}
	for _, line := range a {
		found := false
		for _, other := range b {
			found = found || line.id == other.id && line.variant == other.variant && line.quantity == other.quantity
		}
		if !found {
			return false
		}
	}
	return true
}

// ofProducts says whether one of the problems is with a product line.
func (p Problems) ofProducts() bool {
	for _, q := range p {
		if strings.HasPrefix(q.Field, "product") || strings.HasPrefix(q.Field, "variant") ||
			strings.HasPrefix(q.Field, "orderItems") {
			return true
		}
	}
	return false
}
