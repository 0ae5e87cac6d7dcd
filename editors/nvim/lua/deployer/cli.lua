-- The command line: its JSON documents and its JSON lines.
local M = {}

local function program()
  return require("deployer").settings.program
end

--- Splits what a job prints into whole lines; a job's chunks may end in the middle of one.
local function lines(each)
  local rest = ""
  return function(_, chunks)
    chunks[1] = rest .. chunks[1]
    rest = table.remove(chunks)
    for _, line in ipairs(chunks) do
      each(line)
    end
  end
end

local function decoded(text)
  local ok, value = pcall(vim.json.decode, text, { luanil = { object = true, array = true } })
  return ok and value or nil
end

--- Begins `deployer ARGUMENTS -o json`. `line` hears every line of its output, `ended` the exit code and the report of a
--- failure. Answers the job.
local function begin(arguments, options)
  local report, said = nil, {}
  local command = vim.list_extend({ program() }, arguments)
  vim.list_extend(command, { "-o", "json", "--no-input" })
  local ok, job = pcall(vim.fn.jobstart, command, {
    cwd = options.cwd,
    stdin = options.stdin and "pipe" or "null",
    on_stdout = lines(options.line),
    on_stderr = lines(function(line)
      report = decoded(line) or report
      table.insert(said, line)
    end),
    on_exit = function(_, code)
      options.ended(code, report or { message = table.concat(said, "\n") })
    end,
  })
  if not ok or job <= 0 then
    options.ended(127, { message = "cannot run `" .. program() .. "`: install it, or set `program` in require('deployer').setup" })
    return nil
  end
  if options.stdin then
    vim.fn.chansend(job, options.stdin)
    vim.fn.chanclose(job, "stdin")
  end
  return job
end

--- Hears JSON lines: `event` each of them, `ended` the exit code and the report of a failure.
function M.stream(arguments, options)
  return begin(arguments, {
    cwd = options.cwd,
    ended = options.ended,
    line = function(line)
      local value = decoded(line)
      if value then
        options.event(value)
      end
    end,
  })
end

--- Asks for one JSON document; `answer` hears it, or nil, with the exit code and the report of a failure.
function M.ask(arguments, options, answer)
  local text = {}
  return begin(arguments, {
    cwd = options.cwd,
    stdin = options.stdin,
    line = function(line)
      table.insert(text, line)
    end,
    ended = function(code, report)
      answer(decoded(table.concat(text, "\n")), code, report)
    end,
  })
end

--- Tells why something failed.
function M.complain(what, report)
  local error = report.error or report
  local parts = { what .. ": " .. (error.message or "it failed") }
  for _, fact in ipairs(error.facts or {}) do
    table.insert(parts, "  " .. fact.label .. ": " .. fact.value)
  end
  for _, hint in ipairs(error.hints or {}) do
    table.insert(parts, "  Hint: " .. hint)
  end
  vim.notify(table.concat(parts, "\n"), vim.log.levels.ERROR)
end

return M
