package main

import (
	"strconv"
	"time"
)

// appendLine writes the one line that the log has of an exchange; what is at its default is left out.
func (x *exchange) appendLine(line []byte, now int64) []byte {
	line = append(line, `{"ts":"`...)
	line = time.Now().UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z")
	line = append(line, `","level":"`...)
	if x.status >= 500 || x.outcome == cut {
		line = append(line, "warning"...)
	} else {
		line = append(line, "info"...)
	}
	line = append(line, `","message":"exchange","request_id":"`...)
	line = append(line, x.id...) // has no character to escape
	line = append(line, '"')
	line = appendField(line, "method", string(x.ctx.Method()))
	line = appendField(line, "path", string(x.ctx.Path()))
	line = appendNumber(line, "status", int64(x.status))
	if x.request.stream {
		line = append(line, `,"stream":true`...)
	}
	line = appendField(line, "code", x.code)
	if x.key != nil {
		line = appendField(line, "virtual_key", x.key.id)
		line = appendField(line, "customer_id", x.key.customer)
		line = appendField(line, "team_id", x.key.team)
	}
	line = appendField(line, "model", x.request.model)
	if x.deployment != nil {
		line = appendField(line, "deployment", x.deployment.id)
	}
	line = x.appendAttempts(line)
	line = appendMillis(line, "duration_ms", now-x.started)
	line = appendMillis(line, "upstream_ms", x.waited)
	if x.streams {
		line = appendMillis(line, "ttft_ms", x.firstContent-x.started)
		line = appendNumber(line, "chunks", x.stream.events)
	}
	line = appendNumber(line, "bytes_in", int64(len(x.request.body)))
	line = appendNumber(line, "bytes_out", x.bytesOut)
	line = appendNumber(line, "input_tokens", x.usage.input)
	line = appendNumber(line, "output_tokens", x.usage.output)
	line = appendNumber(line, "cached_input_tokens", x.usage.cached)
	line = appendNumber(line, "reasoning_tokens", x.usage.reasoning)
	line = appendNumber(line, "cost_nano_usd", x.cost)
	if x.estimated {
		line = append(line, `,"estimated":true`...)
	}
	line = appendField(line, "finish", x.outcome)
	return append(line, "}\n"...)
}

func (x *exchange) appendAttempts(line []byte) []byte {
	if len(x.attempts) == 0 {
		return line
	}
	line = append(line, `,"attempts":[`...)
	for i, a := range x.attempts {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, `{"result":"`...)
		line = append(append(line, a.result.String()...), '"')
		line = appendField(line, "deployment", a.deployment.id)
		line = appendNumber(line, "status", int64(a.status))
		line = append(appendMillis(line, "ms", a.took), '}')
	}
	return append(line, ']')
}

func appendName(line []byte, name string) []byte {
	line = append(append(line, `,"`...), name...)
	return append(line, `":`...)
}

func appendField(line []byte, name, value string) []byte {
	if value == "" {
		return line
	}
	return appendJSON(appendName(line, name), value)
}

func appendNumber(line []byte, name string, value int64) []byte {
	if value == 0 {
		return line
	}
	return strconv.AppendInt(appendName(line, name), value, 10)
}

func appendMillis(line []byte, name string, ns int64) []byte {
	return strconv.AppendFloat(appendName(line, name), float64(ns/1000)/1000, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendJSON writes a JSON string.
func appendJSON(text []byte, value string) []byte {
	text = append(text, '"')
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			text = append(text, '\\', c)
		case c < ' ':
			text = append(text, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			text = append(text, c)
		}
	}
	return append(text, '"')
}
