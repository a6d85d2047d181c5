package rules

// CheckPage returns what a page can find out about an order before it sends it: the problems of Admit and
// CheckOrder. The rest is left to the edge: parameters of the Worker may repeat the Worker's own values, which a
// page does not know; where the page knows less of the shop than the edge (no products, no cap), any product and
// quantity passes; and so do a country's name, and orderItems.
func CheckPage(in Fields, shop Shop) Problems {
	admitted, _, found := admit(in, admission{})
	var problems Problems
	for _, q := range found {
		if row, _, known := lookup(q.Field); q.Code == FieldRefused && known && row.by == worker {
			continue
		}
		problems = append(problems, q)
	}
	if shop.MaxQuantity == 0 {
		shop.MaxQuantity = 1 << 30
	}
	c := checker{in: admitted, out: make(Fields, len(admitted)), shop: shop, anyProduct: len(shop.Products) == 0}
	c.everything()
	c.cards()
	return problems.And(c.problems.sorted())
}
