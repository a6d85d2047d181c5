package simulator

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Texts of the CRM. The first six were measured or seen; the others are guesses in its manner.
const (
	textNoProducts  = "No products exist in the order"
	textRequired    = "is a required field"
	textNames       = "First and last name are required fields."
	textTaken       = "This upsale was already taken."
	textNoOrders    = "No orders matching those parameters could be found"
	textWhitelist   = "IP must be whitelisted - "
	textCredentials = "Request failed. Could not authenticate credentials. Please check the loginId and password."
	textDeclined    = "Transaction Declined: Klarna declined the purchase"
	textNoCampaigns = "No campaigns matching those parameters could be found"
	textCampaign    = "is not a valid campaign"
	textNotComplete = "Upsales can only be imported for a COMPLETE order"
	textRecurring   = "Transaction Declined: recurring products cannot be paid with this method"
	textNoEndpoint  = "This API endpoint does not exist"
	textImported    = "This order has already been imported"
	textGrant       = "The API User is not granted this endpoint"
)

// textOdd stands for a text of the CRM's that is not known yet, with data of the shopper's in it.
func textOdd(fields map[string]string) string {
	return fmt.Sprintf("Processor 17 refused '%s %s' (%s): do not honour", fields["firstName"], fields["lastName"],
		fields["emailAddress"])
}

// booking is one call being processed, once.
type booking struct {
	s        *Simulator
	call     *Call
	fields   map[string]string
	settings Settings
	fault    Fault
	base     string // of Klarna's pages
	repeat   bool   // the second processing of a call that arrives twice, which is no violation
}

// process books the call and gives the CRM's answer.
func (b *booking) process() string {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.passTime()
	b.call.Delivered++
	return b.answer().json()
}

func (b *booking) answer() envelope {
	switch {
	case b.settings.RefusedAddress != "":
		return failure(textWhitelist + b.settings.RefusedAddress)
	case b.fault.Verdict == VerdictWhitelist:
		return failure(textWhitelist + "203.0.113.7")
	case b.fault.Verdict == VerdictCredentials, b.fields["loginId"] != b.s.options.LoginID,
		b.fields["password"] != b.s.options.Password:
		return failure(textCredentials)
	}
	switch b.call.Op {
	case OpOrder:
		return b.importOrder()
	case OpUpsale:
		return b.importUpsale()
	case OpLead:
		return b.importLead()
	case OpClick:
		return b.importClick()
	case OpQuery:
		return b.queryOrder()
	case OpConfirm:
		return b.confirmOrder()
	case OpCampaign:
		return b.queryCampaign()
	}
	return failure(textNoEndpoint)
}

// importOrder is Import Order: it completes the order it names, or makes a new one.
func (b *booking) importOrder() envelope {
	order, known := b.namedOrder()
	if !known {
		return failure(textNoOrders)
	}
	campaign := b.campaign()
	lines, refusal := b.lines(campaign, false)
	if missing := b.missing(order, requiredOfOrder); len(missing) > 0 {
		refusal = failure(missing)
	}
	if order != nil && campaign != nil && order.CampaignID != campaign.ID {
		refusal = failure(textNoProducts)
	}
	if b.fault.Verdict == VerdictFields {
		refusal = failure(map[string]string{"shipAddress1": textRequired, "phoneNumber": "is not a valid phone number"})
	}
	if b.settings.ImportOnce && order != nil && len(order.OrderImports()) > 0 {
		refusal = failure(textImported)
	}
	if refusal.Result != "" {
		b.note(order, refusal, "")
		return refusal
	}
	if order == nil {
		order = b.newOrder(campaign)
	}
	if order.Status == StatusComplete && !b.repeat {
		b.violate("orderId", "the order was COMPLETE already when it was imported")
	}
	b.tell(order)
	if order.Payments == 0 && order.Status != StatusComplete {
		if order.Status != StatusDeclined || !b.settings.DeclineSticks {
			order.Status = b.settings.OpenStatus
		}
		order.setItems(lines)
	} else if b.settings.CompleteAsIs {
		order.setItems(lines)
	}
	answer, session := b.sell(order, campaign, lines)
	b.note(order, answer, session)
	return answer
}

// importUpsale is Import Upsale: it adds to a COMPLETE order once it is paid.
func (b *booking) importUpsale() envelope {
	order, known := b.namedOrder()
	if !known || order == nil {
		return failure(textNoOrders)
	}
	campaign := b.campaign()
	lines, refusal := b.lines(campaign, true)
	if len(lines) > 0 && order.tookUpsale(lines) || b.fault.Verdict == VerdictTaken {
		refusal = failure(textTaken)
	}
	if order.Status != StatusComplete {
		refusal = failure(textNotComplete)
	}
	if missing := b.missing(nil, requiredOfUpsale); len(missing) > 0 {
		refusal = failure(missing)
	}
	if b.fault.Verdict == VerdictFields {
		refusal = failure(map[string]string{"product1_qty": "is not a valid quantity"})
	}
	if refusal.Result != "" {
		b.note(order, refusal, "")
		return refusal
	}
	answer, session := b.sell(order, campaign, lines)
	b.note(order, answer, session)
	return answer
}

// sell takes the payment for lines of an order, which with Klarna means to send the shopper there.
func (b *booking) sell(order *Order, campaign *Campaign, lines []Item) (answer envelope, session string) {
	upsale := b.call.Op == OpUpsale
	_, skipsQA := b.fields["skipQA"]
	switch {
	case b.fault.Verdict == VerdictDecline:
		if !upsale && order.Status != StatusComplete {
			order.Status = StatusDeclined
		}
		return failure(b.declined()), ""
	case b.fault.Verdict == VerdictOddError:
		return failure(textOdd(b.fields)), ""
	case b.fault.Verdict == VerdictGrant:
		return failure(textGrant), ""
	case b.fault.Verdict == VerdictReview:
		if !upsale && order.Status != StatusComplete {
			order.Status = StatusPending
		}
	case b.fault.Verdict == VerdictPaid:
		b.s.pay(order, lines, b.call.Op, b.settings)
	case b.fields["paySource"] == "PREPAID" && b.fields["prepaidType"] == "", skipsQA:
		// The CRM takes a PREPAID order without a method as one that was paid elsewhere.
		b.s.pay(order, lines, b.call.Op, b.settings)
	case b.fault.Verdict == VerdictNoRedirect:
	default:
		opened := b.openSession(order, campaign, lines)
		message := redirect(opened.redirect, opened.URL)
		if b.settings.RedirectNamesOrder {
			message["orderId"] = order.ID
		}
		return envelope{"MERC_REDIRECT", message}, opened.ID
	}
	message := b.s.orderMessage(order, b.settings)
	if b.settings.ImportHidesOrder {
		delete(message, "orderId")
	}
	return success(message), ""
}

// declined is the text of a decline.
func (b *booking) declined() string {
	if b.settings.OddErrors {
		return textOdd(b.fields)
	}
	return textDeclined
}

// importLead is Import Lead: it makes a PARTIAL order, or adds to the one it names.
func (b *booking) importLead() envelope {
	order, known := b.namedOrder()
	if !known {
		return failure(textNoOrders)
	}
	campaign := b.campaign()
	switch {
	case campaign == nil:
		return failure(map[string]string{"campaignId": textCampaign})
	case b.fault.Verdict == VerdictDecline:
		return failure(b.declined())
	case b.fault.Verdict == VerdictOddError:
		return failure(textOdd(b.fields))
	case b.fault.Verdict == VerdictGrant:
		return failure(textGrant)
	case b.fault.Verdict == VerdictNoProducts:
		return failure(textNoProducts)
	case b.fault.Verdict == VerdictFields:
		return failure(map[string]string{"postalCode": "is not a valid postal code"})
	case b.fields["firstName"] == "" || b.fields["lastName"] == "":
		return failure(textNames)
	case b.fields["emailAddress"] == "" && b.fields["phoneNumber"] == "":
		return failure(map[string]string{"emailAddress": textRequired})
	}
	problems := b.wrong()
	if len(problems) > 0 {
		return failure(problems)
	}
	if b.hasProducts() {
		if _, refusal := b.lines(campaign, false); refusal.Result != "" {
			return refusal
		}
	}
	if order == nil {
		order = b.merged()
	}
	if order == nil {
		order = b.newOrder(campaign)
	}
	order.Leads++
	b.tell(order)
	message := b.s.orderMessage(order, b.settings)
	if b.settings.LeadHidesStatus {
		for _, name := range []string{"orderStatus", "paySource", "prepaidType"} {
			delete(message, name)
		}
	}
	return success(message)
}

// merged is the earlier order that a lead without an orderId is added to; nil for a new order.
func (b *booking) merged() *Order {
	for _, id := range slices.Backward(b.s.orderIDs) {
		order := b.s.orders[id]
		same := order.CampaignID == b.fields["campaignId"]
		switch b.settings.Merge {
		case MergeShopper:
			same = same && order.Status == StatusPartial && order.Email == b.fields["emailAddress"]
		case MergeAddress:
			same = same && order.Status == StatusPartial && order.Fields["ipAddress"] == b.fields["ipAddress"]
		case MergeAny:
			same = same && order.Fields["ipAddress"] == b.fields["ipAddress"]
		default:
			return nil
		}
		if same {
			b.call.OrderID = order.ID
			return order
		}
	}
	return nil
}

func (b *booking) importClick() envelope {
	if b.campaign() == nil {
		return failure(map[string]string{"campaignId": textCampaign})
	}
	if b.fault.Verdict == VerdictFields {
		return failure(map[string]string{"requestUri": "is not a valid url"})
	}
	if missing := b.missing(nil, requiredOfClick); len(missing) > 0 {
		return failure(missing)
	}
	id := b.fields["sessionId"]
	if !b.s.visits[id] {
		id = b.s.newID("visit", 32)
		b.s.visits[id] = true
	}
	return success(map[string]any{
		"sessionId": id,
		"pixel": `<script src="https://pixel.example/` + id +
			`.js"></script><img width="1" height="1" src="https://pixel.example/` + id + `.gif">`,
	})
}

// queryOrder is Order Query: of one order, or of those that were made on days. Days and times are those of UTC.
func (b *booking) queryOrder() envelope {
	var found []*Order
	if id := b.fields["orderId"]; id != "" {
		if order := b.s.orders[id]; order != nil {
			found = append(found, order)
		}
	} else {
		from, until, ok := b.days()
		if !ok {
			return failure(textNoOrders)
		}
		for _, id := range b.s.orderIDs {
			order := b.s.orders[id]
			if !order.Created.Before(from) && order.Created.Before(until) && b.matches(order) {
				found = append(found, order)
			}
		}
	}
	if len(found) == 0 {
		return failure(textNoOrders)
	}
	size, page := b.count("resultsPerPage", 25, 200), b.count("page", 1, math.MaxInt32)
	data := []any{}
	for i := (page - 1) * size; i < len(found) && i < page*size; i++ {
		data = append(data, b.s.orderMessage(found[i], b.settings))
	}
	return success(map[string]any{"totalResults": len(found), "resultsPerPage": size, "page": page, "data": data})
}

// days is the time that startDate and endDate name, both included.
func (b *booking) days() (from, until time.Time, ok bool) {
	const american = "01/02/2006"
	from, err := time.Parse(american, b.fields["startDate"])
	if err != nil {
		return from, until, false
	}
	until, err = time.Parse(american, b.fields["endDate"])
	return from, until.AddDate(0, 0, 1), err == nil
}

// matches tells whether an order is one of those that a query names by their members.
func (b *booking) matches(order *Order) bool {
	for name, value := range map[string]string{"orderStatus": order.Status, "campaignId": order.CampaignID} {
		if wanted := b.fields[name]; wanted != "" && wanted != value {
			return false
		}
	}
	return true
}

// count is a number that the call names, from 1 to most.
func (b *booking) count(name string, otherwise, most int) int {
	n, err := strconv.Atoi(b.fields[name])
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

func (b *booking) confirmOrder() envelope {
	order := b.s.orders[b.fields["orderId"]]
	if order == nil {
		return failure(textNoOrders)
	}
	if b.fault.Verdict == VerdictDecline || b.fault.Verdict == VerdictFields {
		return failure("The order could not be confirmed")
	}
	order.Confirms++
	if order.Status != StatusComplete {
		b.violate("orderId", "an order that is not COMPLETE was confirmed")
	}
	if order.Confirms > 1 && !b.repeat {
		b.violate("orderId", "the order was confirmed more than once")
	}
	return success("The order was confirmed")
}

func (b *booking) queryCampaign() envelope {
	var found []*Campaign
	for i := range b.s.campaigns {
		if wanted := b.fields["campaignId"]; wanted == "" || wanted == b.s.campaigns[i].ID {
			found = append(found, &b.s.campaigns[i])
		}
	}
	if len(found) == 0 {
		return failure(textNoCampaigns)
	}
	return success(campaignMessage(found, b.settings))
}

// namedOrder is the order the call names, nil when it names none. known is false when it names one that does not
// exist.
func (b *booking) namedOrder() (order *Order, known bool) {
	id := b.fields["orderId"]
	if id == "" {
		return nil, true
	}
	order = b.s.orders[id]
	return order, order != nil
}

func (b *booking) campaign() *Campaign {
	i := slices.IndexFunc(b.s.campaigns, func(c Campaign) bool { return c.ID == b.fields["campaignId"] })
	if i < 0 {
		return nil
	}
	return &b.s.campaigns[i]
}

func (b *booking) newOrder(campaign *Campaign) *Order {
	order := &Order{
		ID: b.s.newOrderID(), Status: StatusPartial, CampaignID: campaign.ID, Currency: campaign.Currency,
		Fields: map[string]string{}, emails: map[string]bool{}, Created: b.s.now(), Updated: b.s.now(),
	}
	b.s.orders[order.ID] = order
	b.s.orderIDs = append(b.s.orderIDs, order.ID)
	b.call.OrderID = order.ID
	return order
}

// tell writes the fields of the call into the order.
func (b *booking) tell(order *Order) {
	maps.Copy(order.Fields, public(b.fields))
	order.Email = order.Fields["emailAddress"]
	order.emails[order.Email] = true
	order.Updated = b.s.now()
}

// note writes an import into the order's history; an import that made no order has none.
func (b *booking) note(order *Order, answer envelope, session string) {
	if order == nil {
		return
	}
	order.Imports = append(order.Imports, Import{Call: b.call.N, Op: b.call.Op, Fields: public(b.fields),
		Result: answer.Result, Session: session})
}

func (b *booking) violate(field, text string) {
	b.s.violations = append(b.s.violations, Violation{Call: b.call.N, Op: b.call.Op, Field: field, Text: text})
}

func (b *booking) hasProducts() bool {
	for name := range b.fields {
		if productID.MatchString(name) {
			return true
		}
	}
	return false
}

// lines are the products of the call as lines of an order, or the CRM's refusal.
func (b *booking) lines(campaign *Campaign, upsale bool) ([]Item, envelope) {
	if campaign == nil || b.fault.Verdict == VerdictNoProducts {
		return nil, failure(textNoProducts)
	}
	discount := 0
	if code := b.fields["couponCode"]; code != "" {
		percent, ok := campaign.Coupons[code]
		if !ok {
			return nil, failure(map[string]string{"couponCode": "is not a valid coupon"})
		}
		discount = percent
	}
	var profile *ShipProfile
	if id := b.fields["shipProfileId"]; id != "" {
		i := slices.IndexFunc(campaign.ShipProfiles, func(p ShipProfile) bool { return p.ID == id })
		if i < 0 {
			return nil, failure(map[string]string{"shipProfileId": "is not a valid shipping profile"})
		}
		profile = &campaign.ShipProfiles[i]
	}
	var lines []Item
	for _, n := range b.productNumbers() {
		line, refusal, ok := b.line(campaign, n)
		if !ok {
			return nil, refusal
		}
		if profile != nil { // it is paid once, with the first line
			line.Shipping = 0
			if len(lines) == 0 {
				line.Shipping = profile.Price
			}
		}
		if _, price := b.numbered("product%d_price", n); price != "" {
			line.Price = cents(price)
		}
		if _, price := b.numbered("product%d_shipPrice", n); price != "" {
			line.Shipping = cents(price)
		}
		line.Upsale = upsale
		line.Discount = line.Line() * Cents(discount) / 100
		b.s.ids["item"]++
		line.ID = strconv.FormatUint(50000+b.s.ids["item"], 10)
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil, failure(textNoProducts)
	}
	return lines, envelope{}
}

// productNumbers are the n of the productN_id in the call, in order.
func (b *booking) productNumbers() (numbers []int) {
	for name := range b.fields {
		if found := productID.FindStringSubmatch(name); found != nil {
			if n, err := strconv.Atoi(found[1]); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return numbers
}

// numbered is a field of the nth product.
func (b *booking) numbered(format string, n int) (name, value string) {
	name = fmt.Sprintf(format, n)
	return name, b.fields[name]
}

// line is the nth product at the campaign's prices, in its quantity and variant, or the CRM's refusal.
func (b *booking) line(campaign *Campaign, n int) (line Item, refusal envelope, ok bool) {
	refuse := func(message any) (Item, envelope, bool) { return Item{}, failure(message), false }
	_, id := b.numbered("product%d_id", n)
	product, ok := campaign.product(id)
	if !ok {
		return refuse(textNoProducts)
	}
	if product.Recurring {
		return refuse(textRecurring)
	}
	line = Item{ProductID: id, Name: product.Name, MerchantID: b.fields["forceMerchantId"], Qty: 1,
		Price: product.Price, Shipping: product.Shipping}
	if name, text := b.numbered("product%d_qty", n); text != "" {
		qty, err := strconv.Atoi(text)
		if err != nil || qty < 1 {
			return refuse(map[string]string{name: "is not a valid quantity"})
		}
		if product.MaxQty > 0 && qty > product.MaxQty {
			return refuse(map[string]string{name: "exceeds the maximum order quantity of " +
				strconv.Itoa(product.MaxQty)})
		}
		line.Qty = qty
	}
	if name, variant := b.numbered("variant%d_id", n); variant != "" {
		title, ok := product.Variants[variant]
		if !ok {
			return refuse(map[string]string{name: "is not a variant of the product"})
		}
		line.Name += " - " + title
	}
	return line, envelope{}, true
}

// cents reads an amount that overrides the CRM's own; 0 when it cannot be read.
func cents(text string) Cents {
	amount, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return Cents(amount*100 + 0.5)
}

// pay books a payment for lines of an order.
func (s *Simulator) pay(order *Order, lines []Item, op Op, settings Settings) {
	order.Payments++
	order.Paid += total(lines)
	if op == OpUpsale {
		if slices.ContainsFunc(order.Items, func(i Item) bool { // of another quantity it is another cart
			return i.Upsale && i.ProductID == lines[0].ProductID && i.Qty == lines[0].Qty
		}) {
			s.violations = append(s.violations, Violation{Op: op, Field: order.ID,
				Text: "the shopper paid the same upsale twice"})
		}
		order.setItems(slices.Concat(order.Items, lines))
	} else {
		if order.Payments > 1 {
			s.violations = append(s.violations, Violation{Op: op, Field: order.ID,
				Text: "the shopper paid the same order twice"})
		}
		order.Status = StatusComplete
		if settings.Review > 0 {
			order.Status, order.reviewed = StatusPending, s.now().Add(settings.Review)
		}
		if !settings.CompleteAsIs {
			order.setItems(lines)
		}
	}
	order.Updated = s.now()
}

func (o *Order) setItems(items []Item) {
	o.Items, o.Total = items, total(items)
}

func (o *Order) tookUpsale(lines []Item) bool {
	return slices.ContainsFunc(o.Items, func(i Item) bool { return i.Upsale && i.ProductID == lines[0].ProductID })
}

func total(items []Item) Cents {
	var sum Cents
	for _, i := range items {
		sum += i.Line() + i.Shipping - i.Discount
	}
	return sum
}

// public is the fields without the credentials.
func public(fields map[string]string) map[string]string {
	kept := maps.Clone(fields)
	delete(kept, "loginId")
	delete(kept, "password")
	return kept
}

func (b *booking) openSession(order *Order, campaign *Campaign, lines []Item) *Session {
	kind := b.fault.Redirect
	if kind == "" {
		kind = b.settings.Redirect
	}
	session := &Session{
		ID: b.s.newID("session", 32), OrderID: order.ID, Upsale: b.call.Op == OpUpsale, State: SessionOpen,
		Amount: total(lines), Currency: campaign.Currency, Method: b.fields["prepaidType"], Items: lines,
		RedirectsTo: b.fields["redirectsTo"], ErrorRedirectsTo: b.fields["errorRedirectsTo"], Opened: b.s.now(),
		redirect: kind, call: b.call.N,
	}
	session.URL = b.base + "/klarna/" + session.ID
	b.s.sessions[session.ID] = session
	b.s.sessionIDs = append(b.s.sessionIDs, session.ID)
	return session
}

// redirect is the message of a MERC_REDIRECT.
func redirect(kind Redirect, target string) map[string]any {
	literal := quote(target)
	script := func(lines ...string) map[string]any { return map[string]any{"script": strings.Join(lines, "")} }
	switch kind {
	case RedirectForm:
		return script(`var f=document.createElement('form');f.method='POST';f.action=`, literal,
			`;document.body.appendChild(f);f.submit();`)
	case RedirectNavigate:
		return script(`window.location.href=`, literal, `;`)
	case RedirectIFrame, RedirectIFrameInside:
		return script(`var f=document.createElement('iframe');f.src=`, literal,
			`;f.title='Klarna';f.style.width='100%';f.style.height='800px';f.style.border='0';document.body.appendChild(f);`)
	case RedirectOddScript:
		const odd = "$& $1 ${x} </body> ]]> %s 'quoted' \u2028 \u00e4\u20ac\U0001f4b6"
		return script("/* </script><script>document.title='cut short'</script> <!-- <script> */\n",
			`var odd="`, odd, "\";\n",
			`window.location.href=odd.length===`, strconv.Itoa(
				len(utf16.Encode([]rune(odd)))), `?`, literal, `:'about:blank#odd-script-was-changed';`)
	case RedirectHTTP:
		return map[string]any{"url": "http://klarna.example/simulated"}
	case RedirectUserinfo:
		scheme, rest, _ := strings.Cut(target, "://")
		return map[string]any{"url": scheme + "://shopper:secret@" + rest}
	case RedirectRelative:
		_, rest, _ := strings.Cut(target, "://")
		_, path, _ := strings.Cut(rest, "/")
		return map[string]any{"url": "/" + path}
	case RedirectEmpty:
		return map[string]any{}
	}
	return map[string]any{"url": target}
}
