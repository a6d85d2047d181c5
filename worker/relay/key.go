package relay

import "klarna-relay/worker/codes"

// key is the request's Idempotency-Key; "" when it has none.
func (rq *request) key() (string, *answer, bool) {
	values := rq.http.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil, true
	}
	key := values[0]
	if len(values) > 1 || len(key) < 8 || len(key) > 128 || !visible(key) {
		a := say(codes.Invalid)
		a.fields = map[string]string{"Idempotency-Key": badKeyText}
		return "", a, false
	}
	return key, nil, true
}
