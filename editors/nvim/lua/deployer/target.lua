-- Which stack a buffer is about, and in which environment.
local M = {}

--- The stack file that a buffer is, or is a part of; nil for other files.
function M.stack_file(buffer)
  local path = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p")
  if vim.fn.fnamemodify(path, ":t") == "stack.yaml" then
    return path
  end
  if vim.fn.fnamemodify(path, ":h:t") == "services" then
    local main = vim.fn.fnamemodify(path, ":h:h") .. "/stack.yaml"
    return vim.fn.filereadable(main) == 1 and main or nil
  end
  return nil
end

--- The arguments of a command about the current buffer's stack, and the directory to run it in. What begins with `-` is the command's own.
function M.of_current(arguments)
  local file = M.stack_file(vim.api.nvim_get_current_buf())
  local target = {}
  if file then
    vim.list_extend(target, { "--file", file })
  end
  local more = vim.list_extend({}, arguments)
  local named = more[1] and more[1]:sub(1, 1) ~= "-" and table.remove(more, 1)
  local environment = named or vim.b.deployer_environment or vim.g.deployer_environment
  if environment then
    vim.list_extend(target, { "--environment", environment })
  end
  vim.list_extend(target, more)
  return target, file and vim.fn.fnamemodify(file, ":h") or vim.fn.getcwd()
end

return M
