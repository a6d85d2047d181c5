package rules

import "strings"

// CheckPage is what a page can know of the edge's verdict on an order before it sends it: the problems of Admit and CheckOrder. Two
// things are left to the edge. Parameters of the Worker may repeat the Worker's own values, which a page does not know. And where the
// page knows less of the shop than the edge (no products, no cap), any product and quantity passes.
func CheckPage(in Fields, shop Shop) Problems {
	admitted, _, found := Admit(in, nil)
	var problems Problems
	for _, q := range found {
		if row, _, known := lookup(q.Field); q.Code == FieldRefused && known && row.by == worker {
			continue
		}
		problems = append(problems, q)
	}
	if len(shop.Products) == 0 {
		for name, value := range admitted {
			if strings.HasPrefix(name, "product") {
				shop.Products = append(shop.Products, clean(value))
			}
		}
	}
	if shop.MaxQuantity == 0 {
		shop.MaxQuantity = 1 << 30
	}
	_, more := CheckOrder(admitted, shop)
	return problems.And(more)
}
