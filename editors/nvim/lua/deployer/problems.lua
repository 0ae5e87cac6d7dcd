-- Problems of stack files as diagnostics, from the text of the buffer.
local cli = require("deployer.cli")
local target = require("deployer.target")

local M = { namespace = vim.api.nvim_create_namespace("deployer") }

local timers = {}
local rounds = {}

local function text_of(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n") .. "\n"
end

--- Columns are counted in characters, Neovim counts bytes.
local function byte_column(buffer, line, column)
  local text = vim.api.nvim_buf_get_lines(buffer, line, line + 1, false)[1] or ""
  local byte = vim.fn.byteidx(text, math.max(column - 1, 0))
  return byte < 0 and #text or byte
end

local function diagnostics(buffer, file, problems)
  local found = {}
  local own = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p")
  for _, problem in ipairs(problems) do
    local path = problem.file:sub(1, 1) == "/" and problem.file or (vim.fn.fnamemodify(file, ":h") .. "/" .. problem.file)
    if vim.fn.resolve(path) == vim.fn.resolve(own) then
      local line = math.max(problem.line - 1, 0)
      table.insert(found, {
        lnum = line,
        col = byte_column(buffer, line, problem.column),
        severity = vim.diagnostic.severity.ERROR,
        source = "deployer",
        message = problem.hint ~= "" and (problem.message .. "; " .. problem.hint) or problem.message,
      })
    end
  end
  return found
end

--- Whether a stack file is one: other programs have files of this name too.
local function is_ours(buffer, file)
  local own = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p") == file
  local text = own and text_of(buffer) or table.concat(vim.fn.readfile(file), "\n")
  return ("\n" .. text):find("\n%s*apiVersion%s*:%s*[\"']?deployer/") ~= nil
end

--- Checks a buffer's file, with the text that is in the buffer.
function M.validate(buffer)
  local file = target.stack_file(buffer)
  if not file or not is_ours(buffer, file) then
    return
  end
  local round = (rounds[buffer] or 0) + 1
  rounds[buffer] = round
  local arguments, stdin = { "stack", "validate", "--file", file }, nil
  if vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p") == file then
    table.insert(arguments, "--text-stdin")
    stdin = text_of(buffer)
  end
  cli.ask(arguments, { cwd = vim.fn.fnamemodify(file, ":h"), stdin = stdin }, function(answer)
    -- An older answer, or one about a buffer that is gone, is not shown.
    if answer and answer.problems and rounds[buffer] == round and vim.api.nvim_buf_is_valid(buffer) then
      vim.diagnostic.set(M.namespace, buffer, diagnostics(buffer, file, answer.problems))
    end
  end)
end

--- Checks the current file now.
function M.check()
  M.validate(vim.api.nvim_get_current_buf())
end

--- Checks a file when nobody has typed for a moment.
function M.soon(buffer)
  local timer = timers[buffer] or vim.loop.new_timer()
  timers[buffer] = timer
  timer:stop()
  timer:start(require("deployer").settings.pause, 0, vim.schedule_wrap(function()
    if vim.api.nvim_buf_is_valid(buffer) then
      M.validate(buffer)
    else
      timer:close()
      timers[buffer], rounds[buffer] = nil, nil
    end
  end))
end

return M
